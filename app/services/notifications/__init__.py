"""Notifications: recipients, plans, messages, deliveries, destinations, and the links to decide with."""
