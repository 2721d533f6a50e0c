"""Errors of predicted poses, how they are averaged, and the protocol behind every number."""
