"""What every back-test shares: files read in any shape, events streamed, reports written; no database."""
