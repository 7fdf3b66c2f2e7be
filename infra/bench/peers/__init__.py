"""What Tonnage is measured against. Each peer does the same work on the same rows."""
