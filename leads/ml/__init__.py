"""The ground of the models: features, text signals, stored states, versions."""
