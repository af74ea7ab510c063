"""Losses of classification, regression and metric learning."""
