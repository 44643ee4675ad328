"""How listings come in, what of them may be seen, and how one without a photo is drawn."""
