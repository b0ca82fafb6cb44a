"""Makes the bundled sources and depth network: `demo.render` makes the pictures, `demo.train` the network."""
