"""Is it composed? Measures of harmony, figures, melody, returns and expression on barred music, beside people's."""
