"""The names of the multi-model server that MXNet packages import."""
