"""Pages of the buckets and of what lies in them."""
