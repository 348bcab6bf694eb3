#!/bin/sh
# Whether vim colours pmtr.conf as pmtr reads it: nothing that is right looks like an error, what is wrong does, and
# the file is known by its name. Needs no root.
set -eu
cd "$(dirname "$0")/../.."

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
step() { printf '%s\n' "$*"; }
skipped() { printf 'skipped: %s\n' "$*"; exit 77; }

command -v vim >/dev/null 2>&1 || skipped "vim is not installed"
vim --version | grep -q '+syntax' || skipped "this vim is built without syntax"

dir=$(mktemp -d "${TMPDIR:-/tmp}/pmtr-vim.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
export HOME="$dir" LC_ALL=C.UTF-8
unset VIM VIMRUNTIME VIMINIT EXINIT 2>/dev/null || true
mkdir "$dir/etc" "$dir/good" "$dir/lists"

# What a script of vim's writes into $dir/said; a script that goes wrong says so there.
ask() {
  cat >"$dir/ask.vim"
  rm -f "$dir/said"
  timeout 60 vim -es -N -u NONE -i NONE -n --cmd "set runtimepath^=$PWD/vim" -c 'syntax on' \
    -c 'filetype plugin on' -c "let dir = '$dir'" -S "$dir/ask.vim" </dev/null >"$dir/vim.out" 2>&1 ||
    fail "vim ended with $?: $(cat "$dir/vim.out")"
  [ -s "$dir/said" ] || fail "vim said nothing: $(cat "$dir/vim.out")"
}

# A file with the group before whatever belongs to it, as long as it stays the same within the line.
cat >"$dir/expected" <<'END'
<Comment># a comment that ends in a backslash joins nothing \
<FileOption>report to<> <InterfaceAddress>udp://[2001:db8::2]:9999@eth0<Receiver> <Comment># there
<FileOption>report to<> <Address>udp://192.0.2.1:9999
<FileOption>listen on<> <Address>udp://localhost:1
<FileOption>listen on<> <Bad>udp://192.0.2.1:1@eth0
<FileOption>listen on<> <Bad>udp://example:1
<Unknown>listen<> <Words>udp://localhost:1
<Unknown>name<> <Words>outside
<FileOption>job
<BeforeJob># between

<Brace>{
<Job>  <JobOption>name<Job> <String>"a<Escape>\"<String>b"<Words>  <Comment># "c
<Job>  <JobOption>cmd<Job> <Words>/bin/light on <Join>\
<Words>    name x <String>"y z"<Words> a#b a"b c"d <Join>\
<Words>    <Comment># comment
<Job>  <UnknownInJob>uesr<Job> <Words>nobody <Join>\
<Words>    name hidden
<Job>  <UnknownInJob>naming<Job> <Words>x
<Job>  <UnknownInJob>"name"<Job> <Words>x
<Job>  <JobOption>wait<Job> <Bad>now
<Job>  <JobOption>once<Job> <Comment># restarted never
<Job>  <JobOption>disable
<Job>  <JobOption>order<Job> <Number>-5
<Job>  <JobOption>nice<Job> <Bad>5x
<Job>  <JobOption>nice<Job> <Number>5<Integer> <Bad>x
<Job>  <JobOption>cpu<Job> <Processor>0,2-4
<Job>  <JobOption>cpu<Job> <Processor>0x1d
<Job>  <JobOption>cpu<Job> <Bad>1,
<Job>  <JobOption>bounce every<Job> <Time>1d
<Job>  <JobOption>bounce every<Job> <Bad>1w
<Job>  <UnknownInJob>bounce<Job> <Words>1d
<Job>  <JobOption>in<Job> <Words>syslog
<Job>  <JobOption>out<Job> <Constant>syslog
<Job>  <JobOption>err<Job> <String>"sys log"
<Job>  <JobOption>err<Job> <Output>/var/log/syslog
<Job>  <JobOption>env<Job> <Variable>A<Environment>=b <OpenString>"c
<Job>  <JobOption>env<Job> <String>"A=b"<BehindString>c
<Job>  <JobOption>user<Job> <Words>nobody
<Job>  <JobOption>ulimit<Job> <Flag>-n<Limit> <Amount>1024
<Job>  <JobOption>ulimit<Job> <Bad>-x<Limit> <Bad>1k
<Job>  <JobOption>ulimit<Job> <Brace>{
<Limits>    <Flag>-s<Limits> <Amount>8<Limits> <Comment># }
<Limits>    <Flag>RLIMIT_CORE<Limits> <Amount>infinity
<Limits>  <Brace>}
<Job>  <JobOption>depends<Job> <Brace>{<Depends> /etc/a <Brace>}
<Job>  <JobOption>depends

<Job>  <Brace>{
<Depends>    /etc/a} <String>"/etc/a b"
<Depends>    <String>"wait"
<Depends>    <Foreign>wait
<Depends>  <Brace>}
<Job>  <JobOption>cmd<Job> <Words>relative x
<Job>  <UnknownInJob>listen<Job> <Words>on udp://192.0.2.1:5
<Job>  <UnknownInJob>job<Job> <Words>{
<Job>  <JobOption>cmd<Job> <Words>/bin/echo { } <Comment>#x
<Job>  <JobOption>dir<Job> <Words>/tmp
<Brace>}
<FileOption>job<> <Superfluous>web<> <Brace>{
<Job>  <JobOption>name<Job> <Words>web
<Brace>}
<Unknown>}
<FileOption>job<> <Brace>{<Job> <BehindBrace>name x
<Brace>}
END
sed 's/<[A-Za-z]*>//g' "$dir/expected" >"$dir/etc/pmtr.conf"
ask <<'END'
execute 'edit ' . dir . '/etc/pmtr.conf'
let lines = []
for number in range(1, line('$'))
  let [out, last, text] = ['', '', getline(number)]
  for column in range(1, len(text))
    let name = substitute(synIDattr(synID(number, column, 1), 'name'), '^pmtr', '', '')
    let out .= (name ==# last ? '' : '<' . name . '>') . text[column - 1]
    let last = name
  endfor
  call add(lines, out)
endfor
call writefile(lines, dir . '/said')
qa!
END
diff -u "$dir/expected" "$dir/said" || fail "vim sees the file otherwise"
step "groups of a file with every kind of line: ok"

# What is right: the example, also with all that is commented out in it, and the files that the parser takes.
cp tests/config/good-*.conf examples/*.conf "$dir/good"
cp pmtr.conf.example "$dir/good/example.conf"
sed -e 's/^#\([^ ]\)/\1/' -e 's/^#  /  /' pmtr.conf.example >"$dir/good/uncommented.conf"
ask <<'END'
let lines = []
for file in glob(dir . '/good/*.conf', 0, 1)
  execute 'edit ' . file
  set filetype=pmtr
  for number in range(1, line('$'))
    for column in range(1, len(getline(number)))
      if synIDattr(synIDtrans(synID(number, column, 1)), 'name') ==# 'Error'
        call add(lines, fnamemodify(file, ':t') . ':' . number . ':' . column . ': ' . getline(number))
        break
      endif
    endfor
  endfor
endfor
call add(lines, len(glob(dir . '/good/*.conf', 0, 1)) . ' files')
call writefile(lines, dir . '/said')
qa!
END
[ "$(wc -l <"$dir/said")" -eq 1 ] || fail "vim shows an error in what is right: $(cat "$dir/said")"
step "no error in what is right, $(cat "$dir/said"): ok"

# What pmtr calls an unknown option is an error on its line.
sed -n 's|^\([^ :]*\):\([0-9]*\):[0-9]*: error: unknown option.*|\1 \2|p' tests/config/*.expected >"$dir/unknown"
ask <<'END'
let [lines, seen] = [[], 0]
for [file, number] in map(readfile(dir . '/unknown'), 'split(v:val)')
  execute 'edit tests/config/' . file
  set filetype=pmtr
  let seen += 1
  for column in range(1, len(getline(number)) + 1)
    if synIDattr(synIDtrans(synID(number, column, 1)), 'name') ==# 'Error' | break | endif
  endfor
  if column > len(getline(number)) | call add(lines, file . ':' . number . ': ' . getline(number)) | endif
endfor
call writefile(add(lines, seen . ' of them'), dir . '/said')
qa!
END
[ "$(wc -l <"$dir/said")" -eq 1 ] || fail "vim does not show these unknown options as errors: $(cat "$dir/said")"
[ "$(cat "$dir/said")" != "0 of them" ] || fail "no file of tests/config has an unknown option"
step "unknown options are errors, $(cat "$dir/said"): ok"

# Which groups are shown as an error.
ask <<'END'
execute 'edit ' . dir . '/etc/pmtr.conf'
let lines = []
for name in getcompletion('pmtr', 'highlight')
  if synIDattr(synIDtrans(hlID(name)), 'name') ==# 'Error' | call add(lines, name) | endif
endfor
call writefile(sort(lines), dir . '/said')
qa!
END
said=$(tr '\n' ' ' <"$dir/said")
[ "$said" = "pmtrBad pmtrBehindBrace pmtrBehindString pmtrForeign pmtrOpenString pmtrRelative pmtrSuperfluous pmtrUnknown pmtrUnknownInJob " ] ||
  fail "these groups are errors: $said"
step "the groups of mistakes are shown as errors: ok"

# By its name, wherever it stands, and nothing else; what a package leaves beside it is such a file as well.
for name in pmtr.conf pmtr.conf.example pmtr.conf.dpkg-new pmtr.conf.rpmnew xpmtr.conf pmtr.confx pmtr.toml; do
  cp pmtr.conf.example "$dir/lists/$name"
done
ask <<'END'
let lines = []
for file in glob(dir . '/lists/*', 0, 1)
  execute 'edit ' . file
  call add(lines, fnamemodify(file, ':t') . ' ' . (&filetype ==# 'pmtr' ? 'pmtr' : 'other'))
endfor
execute 'edit ' . dir . '/lists/pmtr.conf'
set foldmethod=syntax
call add(lines, &commentstring . foldlevel(search('^job')) . foldlevel(search('name hello')) . foldlevel('$'))
call writefile(lines, dir . '/said')
qa!
END
cat >"$dir/expected" <<'END'
pmtr.conf pmtr
pmtr.conf.dpkg-new pmtr
pmtr.conf.example pmtr
pmtr.conf.rpmnew pmtr
pmtr.confx other
pmtr.toml other
xpmtr.conf other
# %s110
END
diff -u "$dir/expected" "$dir/said" || fail "another file type"
step "the type of a file by its name, comments and folds: ok"
