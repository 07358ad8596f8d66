"""The running parts of a pipeline: inputs with decoders, filters, outputs with encoders."""
