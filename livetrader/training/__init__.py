"""Training: jobs, threads and processes that run the functions given to `train`. Never the supervisor's."""
