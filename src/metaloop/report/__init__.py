"""What a run says: where it stands, its page, and what was earned by whom."""
