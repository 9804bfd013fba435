"""Pages of the product itself: dashboard, passes, guard stops, history. Thin; reads are in `selectors`."""
