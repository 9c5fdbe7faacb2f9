"""Past data from several places in an order: a store on this machine, then whoever has what it lacks."""
