"""How supervisor and engine process talk: frames, messages, lanes."""
