"""Following: what makes the index run again. File events, a schedule, remote repositories."""
