"""The data doctor: looks through folders of raw data and says what is there, missing or wrong."""
