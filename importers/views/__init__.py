"""Pages of importing: the form with its pre-flight, and the job."""
