"""A simulated trading week: the real code, a simulated world, virtual time, one seed.

What is real here: the journal and its SQLite file, the gateway, the brokerage session, the kill switch, the
`ibkr` plugin and the client library under it (ib_async or ib_insync), all unmodified. What is simulated:
time, the order in which ready tasks run, the network (latency, fragments, partitions, half-open connections),
IB's gateway (the peer of `livetrader_venues.tws`, with faults), threads (their work runs inline at some
instant), and death: at any boundary the whole process is thrown away, and the next one finds what is durable.

    python -m tests.simulation run --seeds 200          weeks; a failing seed says how to replay it
    python -m tests.simulation replay 17                one week, told in words
    python -m tests.simulation sweep                    a crash at every boundary of the scenarios
    python -m tests.simulation bugs                     every planted bug has to be found

    loop.py        asyncio with virtual time and a seeded order of tasks
    network.py     TCP in memory
    process.py     what dies together, and the boundaries at which it may
    venue.py       IB: the TWS peer behind the network
    weather.py     what goes wrong when, drawn from the seed
    disk.py        the journal with its thread inline
    daemon.py      one life of the daemon: everything real, put together
    agent.py       stands where the engine is: decides, remembers what it was told
    world.py       venue + network + lives of the daemon, and the week
    outcome.py     what comes of a seed, and the edges of a world
    hostile/       a scripted week with a real engine; see docs/hostile-week.md
    invariants.py  what must hold, all the time and at the end
    sweep.py       short stories, and a crash at every boundary of them
    planted.py     bugs that the simulation has to find, in bugs/*.patch

The same seed and commit give the same journal, byte by byte; `reached` counts the rare states
that were reached, and a campaign that never reached one of them fails.
"""
