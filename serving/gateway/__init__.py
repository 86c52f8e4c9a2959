"""The process that answers predictions: reads the routes from a file, forwards to instances, counts.

It imports nothing of Django, and needs neither the database nor the broker.
"""
