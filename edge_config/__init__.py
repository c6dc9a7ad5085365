"""What a box must be told: settings, enrolment, configuration messages."""
