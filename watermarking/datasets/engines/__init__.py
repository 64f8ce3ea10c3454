"""Who carries out the tasks of a run: one interface, several back ends."""
