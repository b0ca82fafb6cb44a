"""The dataset card: its text, its pictures, its YAML front matter, and the small config `preview`."""
