// Loaded into the programs of a run beside them: ends the process when its parent is gone, even by SIGKILL. The channel to it closes then.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// A listener keeps the channel, and with it the process, alive.
process.channel?.unref();
