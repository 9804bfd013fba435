"""Template tags of SyncAdmin."""
