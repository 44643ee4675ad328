"""Seeing inside: logs, metrics, health and deploy checks."""
