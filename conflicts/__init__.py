"""The conflict inbox: what no policy may decide waits here for a person."""
