"""Mesures côte à côte avec le paquet d2l : elles rapportent des durées, elles n'en testent pas."""
