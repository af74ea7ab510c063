"""Geometry: polygons, triangles, lines and segments, angles, and places on a sphere."""
