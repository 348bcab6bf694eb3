" The configuration of pmtr, pmtr.conf(5).
"
" A keyword is one only as the first word of a line and in its place; `\S\@!` ends it. What may follow is told by
" nextgroup: each kind of arguments is a region up to the end of the line, which a backslash joins to the next.
if exists('b:current_syntax')
  finish
endif
let s:cpo = &cpo
set cpo&vim

syn case match
syn sync fromstart

" What begins a line and is no option there; those that are come later and so go first.
syn match pmtrUnknown /^\s*\zs\%(\\\r\=$\)\@![^#[:blank:]]\S*/ nextgroup=pmtrWords skipwhite
syn match pmtrUnknownInJob /^\s*\zs\%(\\\r\=$\)\@![^#[:blank:]]\S*/ contained nextgroup=pmtrWords skipwhite

" Options of the file.
syn match pmtrFileOption /^\s*\zsjob\S\@!/ nextgroup=pmtrJob,pmtrBeforeJob,pmtrSuperfluous skipwhite skipempty
syn match pmtrFileOption /^\s*\zsinclude\S\@!/ nextgroup=pmtrWords skipwhite
syn match pmtrFileOption /^\s*\zsdefaults\S\@!/ nextgroup=pmtrJob,pmtrBeforeJob,pmtrSuperfluous skipwhite skipempty
syn match pmtrFileOption /^\s*\zstemplate\S\@!/ nextgroup=pmtrTemplateName skipwhite
syn match pmtrFileOption /^\s*\zsvariable\S\@!/ nextgroup=pmtrWords skipwhite
syn match pmtrFileOption /^\s*\zslisten\s\+on\S\@!/ nextgroup=pmtrListener skipwhite
syn match pmtrFileOption /^\s*\zsreport\s\+to\S\@!/ nextgroup=pmtrReceiver skipwhite
syn match pmtrFileOption /^\s*\zsend\s\+when\s\+done\S\@!/ nextgroup=pmtrNothing skipwhite
syn match pmtrFileOption /^\s*\zsend\s\+within\S\@!/ nextgroup=pmtrDuration skipwhite

" Options of a job.
syn match pmtrJobOption /^\s*\zsname\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zscmd\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zslike\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsno\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsinstances\S\@!/ contained nextgroup=pmtrInteger skipwhite
syn match pmtrJobOption /^\s*\zseach\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zstag\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsabout\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsdir\S\@!/ contained nextgroup=pmtrRelative,pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsin\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsout\S\@!/ contained nextgroup=pmtrOutput skipwhite
syn match pmtrJobOption /^\s*\zserr\S\@!/ contained nextgroup=pmtrOutput skipwhite
syn match pmtrJobOption /^\s*\zsuser\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsenv\S\@!/ contained nextgroup=pmtrEnvironment skipwhite
syn match pmtrJobOption /^\s*\zsdisable\S\@!/ contained nextgroup=pmtrNothing skipwhite
syn match pmtrJobOption /^\s*\zswait\S\@!/ contained nextgroup=pmtrNothing skipwhite
syn match pmtrJobOption /^\s*\zsonce\S\@!/ contained nextgroup=pmtrNothing skipwhite
syn match pmtrJobOption /^\s*\zsorder\S\@!/ contained nextgroup=pmtrInteger skipwhite
syn match pmtrJobOption /^\s*\zsnice\S\@!/ contained nextgroup=pmtrInteger skipwhite
syn match pmtrJobOption /^\s*\zscpu\S\@!/ contained nextgroup=pmtrProcessors skipwhite
syn match pmtrJobOption /^\s*\zsulimit\S\@!/ contained nextgroup=pmtrLimit,pmtrLimits,pmtrBeforeLimits skipwhite skipempty
syn match pmtrJobOption /^\s*\zsumask\S\@!/ contained nextgroup=pmtrInteger skipwhite
syn match pmtrJobOption /^\s*\zsgroup\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsgroups\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsenv\s\+file\S\@!/ contained nextgroup=pmtrEnvFile skipwhite
syn match pmtrJobOption /^\s*\zsenv\s\+clear\S\@!/ contained nextgroup=pmtrNothing skipwhite
syn match pmtrJobOption /^\s*\zsmake\s\+dir\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsno\s\+new\s\+privileges\S\@!/ contained nextgroup=pmtrNothing skipwhite
syn match pmtrJobOption /^\s*\zskeep\s\+capability\S\@!/ contained nextgroup=pmtrCapabilities skipwhite
syn match pmtrJobOption /^\s*\zsoom\s\+score\S\@!/ contained nextgroup=pmtrInteger skipwhite
syn match pmtrJobOption /^\s*\zsbounce\s\+every\S\@!/ contained nextgroup=pmtrInterval skipwhite
syn match pmtrJobOption /^\s*\zsrestart\s\+on\S\@!/ contained nextgroup=pmtrEnds skipwhite
syn match pmtrJobOption /^\s*\zsstay\s\+down\s\+on\S\@!/ contained nextgroup=pmtrEnds skipwhite
syn match pmtrJobOption /^\s*\zssuccess\s\+on\S\@!/ contained nextgroup=pmtrStatuses skipwhite
syn match pmtrJobOption /^\s*\zsrestart\s\+delay\S\@!/ contained nextgroup=pmtrDelay skipwhite
syn match pmtrJobOption /^\s*\zssteady\s\+after\S\@!/ contained nextgroup=pmtrLasting skipwhite
syn match pmtrJobOption /^\s*\zsgive\s\+up\s\+after\S\@!/ contained nextgroup=pmtrTries skipwhite
syn match pmtrJobOption /^\s*\zsessential\S\@!/ contained nextgroup=pmtrNothing skipwhite
syn match pmtrJobOption /^\s*\zsstop\s\+signal\S\@!/ contained nextgroup=pmtrSignals skipwhite
syn match pmtrJobOption /^\s*\zsstop\s\+timeout\S\@!/ contained nextgroup=pmtrLasting skipwhite
syn match pmtrJobOption /^\s*\zsstop\s\+with\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsstop\s\+main\s\+only\S\@!/ contained nextgroup=pmtrNothing skipwhite
syn match pmtrJobOption /^\s*\zsreload\s\+with\S\@!/ contained nextgroup=pmtrWords skipwhite
syn match pmtrJobOption /^\s*\zsreload\s\+signal\S\@!/ contained nextgroup=pmtrSignals skipwhite
syn match pmtrJobOption /^\s*\zsdepends\S\@!/ contained nextgroup=pmtrDepends,pmtrBeforeDepends skipwhite skipempty

" Blocks. Blank lines and comments may stand before the brace that opens one.
syn region pmtrJob matchgroup=pmtrBrace start=/{\S\@!/ end=/\%(^\s*\)\@<=}\S\@!/ contained fold
  \ contains=pmtrJobOption,pmtrUnknownInJob,pmtrComment,pmtrBehindBrace
syn region pmtrLimits matchgroup=pmtrBrace start=/{\S\@!/ end=/\%(^\|\s\)\@1<=}\S\@!/ contained fold
  \ contains=@pmtrWord,pmtrFlag,pmtrAmount,pmtrForeign
syn region pmtrDepends matchgroup=pmtrBrace start=/{\S\@!/ end=/\%(^\|\s\)\@1<=}\S\@!/ contained fold
  \ contains=@pmtrWord,pmtrForeign
syn match pmtrBeforeJob /#.*/ contained nextgroup=pmtrJob,pmtrBeforeJob skipwhite skipempty
syn match pmtrBeforeLimits /#.*/ contained nextgroup=pmtrLimits,pmtrBeforeLimits skipwhite skipempty
syn match pmtrBeforeDepends /#.*/ contained nextgroup=pmtrDepends,pmtrBeforeDepends skipwhite skipempty
syn match pmtrTemplateName /[^#{\\[:blank:]]\S*/ contained nextgroup=pmtrJob,pmtrBeforeJob skipwhite skipempty
syn match pmtrSuperfluous /\%(\%(job\|defaults\)\s\+\)\@<=[^#{\\[:blank:]]\S*/ contained nextgroup=pmtrJob skipwhite
syn match pmtrBehindBrace /\%({\s\+\)\@<=[^#\\[:blank:]].*/ contained
" The first words of a line that show that a block was not closed.
syn match pmtrForeign /^\s*\zs\%(job\|name\|cmd\|dir\|in\|out\|err\|user\|env\|disable\|wait\|once\|order\|nice\|cpu\|ulimit\|umask\|essential\|depends\)\S\@!/ contained
syn match pmtrForeign /^\s*\zs\%(include\|defaults\|template\|variable\|like\|no\|instances\|each\|tag\|about\)\S\@!/ contained
syn match pmtrForeign /^\s*\zs\%(listen\s\+on\|report\s\+to\|bounce\s\+every\)\S\@!/ contained
syn match pmtrForeign /^\s*\zs\%(end\s\+when\s\+done\|end\s\+within\)\S\@!/ contained
syn match pmtrForeign /^\s*\zs\%(restart\s\+on\|stay\s\+down\s\+on\|success\s\+on\|restart\s\+delay\|steady\s\+after\|give\s\+up\s\+after\)\S\@!/ contained
syn match pmtrForeign /^\s*\zs\%(stop\s\+signal\|stop\s\+timeout\|stop\s\+with\|stop\s\+main\s\+only\|reload\s\+with\|reload\s\+signal\)\S\@!/ contained
syn match pmtrForeign /^\s*\zs\%(job\|name\|cmd\|dir\|in\|out\|err\|user\|env\|disable\|wait\|once\|order\|nice\|cpu\|ulimit\|umask\|group\|groups\|depends\)\S\@!/ contained
syn match pmtrForeign /^\s*\zs\%(listen\s\+on\|report\s\+to\|bounce\s\+every\)\S\@!/ contained
syn match pmtrForeign /^\s*\zs\%(env\s\+file\|env\s\+clear\|make\s\+dir\|no\s\+new\s\+privileges\|keep\s\+capability\|oom\s\+score\)\S\@!/ contained

" Arguments.
syn cluster pmtrWord contains=pmtrString,pmtrOpenString,pmtrComment,pmtrJoin
syn region pmtrWords start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord
syn region pmtrOutput start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrConstant
syn region pmtrEnvironment start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrVariable
syn region pmtrEnvFile start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrOptional
syn region pmtrCapabilities start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrCapability
syn region pmtrNothing start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad
syn region pmtrInteger start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrNumber
syn region pmtrProcessors start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrProcessor
syn region pmtrInterval start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrTime
syn region pmtrDuration start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrSpan
syn region pmtrLasting start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrSpan,pmtrNever
syn region pmtrDelay start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrSpan,pmtrClause,pmtrFactor
syn region pmtrTries start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrSpan,pmtrIn
syn region pmtrSignals start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrSignal,pmtrSignalNumber
syn region pmtrStatuses start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrStatus,pmtrSignal
syn region pmtrEnds start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrStatus,pmtrSignal,pmtrKind
syn region pmtrListener start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained contains=@pmtrWord,pmtrBad,pmtrAddress
syn region pmtrReceiver start=/\ze\S/ skip=/\\\r\=$/ end=/$/ contained
  \ contains=@pmtrWord,pmtrBad,pmtrAddress,pmtrInterfaceAddress
syn region pmtrLimit start=/\%(ulimit\s\+\)\@<=\ze[^{#[:blank:]]/ skip=/\\\r\=$/ end=/$/ contained
  \ contains=@pmtrWord,pmtrBad,pmtrFlag,pmtrAmount
syn match pmtrRelative /[^/"#\\[:blank:]]\S*/ contained nextgroup=pmtrWords skipwhite

" Words that an option does not take; those that it does come later and so go first.
syn match pmtrBad /\%(^\|\s\)\@1<=[^#"\\[:blank:]][^\\[:blank:]]*/ contained
syn match pmtrConstant /\%(^\|\s\)\@1<=syslog\S\@!/ contained
syn match pmtrOptional /\%(\S\s\+\)\@<=optional\S\@!/ contained
syn match pmtrCapability /\%(^\|\s\)\@1<=[A-Za-z_]\+\S\@!/ contained
syn match pmtrVariable /\%(^\|\s\)\@1<=[^#"=\\[:blank:]][^=\\[:blank:]]*\ze=/ contained
syn match pmtrNumber /\%(^\|\s\)\@1<=[-+]\=\d\+\S\@!/ contained
syn match pmtrProcessor /\%(^\|\s\)\@1<=\%(0x\x\+\|\d\+\%(-\d\+\)\=\%(,\d\+\%(-\d\+\)\=\)*\)\S\@!/ contained
syn match pmtrTime /\%(^\|\s\)\@1<=\d\+[smhd]\S\@!/ contained
syn match pmtrSpan /\%(^\|\s\)\@1<=\d\+\%(ms\|[smhd]\)\=\S\@!/ contained
syn match pmtrNever /\%(^\|\s\)\@1<=never\S\@!/ contained
syn match pmtrClause /\%(^\|\s\)\@1<=\%(plus\|times\|up\|to\|jitter\)\S\@!/ contained
syn match pmtrFactor /\%(^\|\s\)\@1<=\d\+%\S\@!/ contained
syn match pmtrIn /\%(^\|\s\)\@1<=in\S\@!/ contained
syn match pmtrSignal /\%(^\|\s\)\@1<=\%(SIG\)\=\%(ABRT\|ALRM\|BUS\|CHLD\|CLD\|CONT\|FPE\|HUP\|ILL\|INT\|IO\|IOT\|KILL\|PIPE\|POLL\|PROF\|PWR\|QUIT\)\S\@!/ contained
syn match pmtrSignal /\%(^\|\s\)\@1<=\%(SIG\)\=\%(SEGV\|STKFLT\|STOP\|SYS\|TERM\|TRAP\|TSTP\|TTIN\|TTOU\|URG\|USR1\|USR2\|VTALRM\|WINCH\|XCPU\|XFSZ\)\S\@!/ contained
syn match pmtrSignal /\%(^\|\s\)\@1<=\%(SIG\)\=\%(RTMIN\%(+\d\+\)\=\|RTMAX\%(-\d\+\)\=\)\S\@!/ contained
syn match pmtrSignalNumber /\%(^\|\s\)\@1<=\d\{1,2}\S\@!/ contained
syn match pmtrStatus /\%(^\|\s\)\@1<=\d\{1,3}\%(-\d\{1,3}\)\=\S\@!/ contained
syn match pmtrKind /\%(^\|\s\)\@1<=\%(success\|failure\|signal\|none\)\S\@!/ contained
syn match pmtrFlag /\%(^\|\s\)\@1<=-[cdefilmnqrstuv]\S\@!/ contained
syn match pmtrFlag /\%(^\|\s\)\@1<=RLIMIT_\%(CORE\|DATA\|NICE\|FSIZE\|SIGPENDING\|MEMLOCK\|RSS\|NOFILE\)\S\@!/ contained
syn match pmtrFlag /\%(^\|\s\)\@1<=RLIMIT_\%(MSGQUEUE\|RTPRIO\|STACK\|CPU\|NPROC\|AS\)\S\@!/ contained
syn match pmtrAmount /\%(^\|\s\)\@1<=\%(\d\+\|infinity\|unlimited\)\S\@!/ contained
syn match pmtrAddress
  \ /\%(^\|\s\)\@1<=udp:\/\/\%(\[[[:xdigit:]:.]\+\]\|\d\+\%(\.\d\+\)\{3}\|localhost\):\d\{1,5}\S\@!/ contained
syn match pmtrInterfaceAddress
  \ /\%(^\|\s\)\@1<=udp:\/\/\%(\[[[:xdigit:]:.]\+\]\|\d\+\%(\.\d\+\)\{3}\|localhost\):\d\{1,5}@[^/\\[:blank:]]\{1,15}\S\@!/ contained

" Quotes hold a word together from its beginning to its end.
syn match pmtrOpenString /\%(^\|\s\)\@1<="\%(\%([^"\\]\|\\\_.\)*\)\@>"\@!/ contained
syn match pmtrString /\%(^\|\s\)\@1<="\%([^"\\]\|\\\_.\)*"/ contained contains=pmtrEscape,pmtrJoin nextgroup=pmtrBehindString
syn match pmtrBehindString /[^\\[:blank:]]\S*/ contained
syn match pmtrEscape /\\["\\]/ contained
syn match pmtrJoin /\\\r\=$/ contained
syn match pmtrComment /\%(^\|\s\)\@1<=#.*/ contains=@Spell

hi def link pmtrFileOption Keyword
hi def link pmtrJobOption Keyword
hi def link pmtrBrace Delimiter
hi def link pmtrComment Comment
hi def link pmtrBeforeJob Comment
hi def link pmtrBeforeLimits Comment
hi def link pmtrBeforeDepends Comment
hi def link pmtrString String
hi def link pmtrEscape SpecialChar
hi def link pmtrJoin Special
hi def link pmtrConstant Constant
hi def link pmtrTemplateName Identifier
hi def link pmtrVariable Identifier
hi def link pmtrNumber Number
hi def link pmtrProcessor Number
hi def link pmtrTime Number
hi def link pmtrSpan Number
hi def link pmtrNever Constant
hi def link pmtrClause Statement
hi def link pmtrFactor Number
hi def link pmtrIn Statement
hi def link pmtrSignal Constant
hi def link pmtrSignalNumber Number
hi def link pmtrStatus Number
hi def link pmtrKind Constant
hi def link pmtrFlag Type
hi def link pmtrAmount Number
hi def link pmtrAddress Underlined
hi def link pmtrInterfaceAddress Underlined
hi def link pmtrUnknown Error
hi def link pmtrUnknownInJob Error
hi def link pmtrSuperfluous Error
hi def link pmtrBehindBrace Error
hi def link pmtrForeign Error
hi def link pmtrRelative Error
hi def link pmtrBad Error
hi def link pmtrOpenString Error
hi def link pmtrBehindString Error

let b:current_syntax = 'pmtr'
let &cpo = s:cpo
unlet s:cpo
