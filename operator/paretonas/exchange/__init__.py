"""Other tools' studies: an experiment as a study of Optuna, and a study or a table as known results."""
