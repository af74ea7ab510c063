"""Geometry: areas and centroids of polygons."""
