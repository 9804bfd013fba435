"""What two resources hold and how they may be paired, by their records. Pure: no Django, clock or I/O."""
