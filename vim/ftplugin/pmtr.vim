" Comments, and the look of the example: two blanks for what is inside of a block.
if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

setlocal comments=:# commentstring=#\ %s formatoptions-=t formatoptions+=croql autoindent

let b:undo_ftplugin = 'setlocal comments< commentstring< formatoptions< autoindent<'
