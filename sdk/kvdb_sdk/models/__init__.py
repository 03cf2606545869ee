"""Language models, sentence encoders and where their files are."""
