"""Every job, its rhythm and its function, in one table; APScheduler is wired here and nowhere else."""
