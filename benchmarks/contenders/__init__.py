"""Those who are measured, each set up as someone who knows it well would."""
