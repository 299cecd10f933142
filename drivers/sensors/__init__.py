"""Small sensors of the computer and its buses: attitude, pressure, temperature, battery."""
