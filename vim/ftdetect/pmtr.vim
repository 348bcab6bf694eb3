" /etc/pmtr.conf, and such a file anywhere else.
autocmd BufNewFile,BufRead pmtr.conf,pmtr.conf.example setfiletype pmtr
