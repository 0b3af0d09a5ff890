"""Messages that leave only if the change commits; delivered with retry and proof."""
