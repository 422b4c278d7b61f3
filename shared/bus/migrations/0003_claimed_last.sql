-- No longer the highest (0002): a forged receipt for a very high number would have kept every true one from being noticed.
comment on column streams.claimed is 'The number that the last receipt named which speaks of what we never said, or said otherwise: a fork that was reported. The same number again is no news, so a mark that an operator has settled stays away; any other is.';
