"""What outcomes teach: error rates, containment, satisfaction, quality, and thresholds that are proven."""
