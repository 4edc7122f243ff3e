"""What pages and the API show: reads only."""
