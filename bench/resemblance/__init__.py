"""Training the second opinion of `app.risk.resemblance`, and measuring it."""
