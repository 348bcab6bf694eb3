#!/bin/sh
# Whether the completions for bash, zsh and fish offer what they shall, asked in the shells themselves: a table of
# command lines, and then keys that are pressed in a real terminal. Needs no root.
set -eu
cd "$(dirname "$0")/../.."

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
step() { printf '%s\n' "$*"; }

shells=
for shell in bash zsh fish; do
  if command -v "$shell" >/dev/null 2>&1; then shells="$shells $shell"; else step "skipped: $shell is not installed"; fi
done
[ -n "$shells" ] || { echo "skipped: none of bash, zsh and fish is installed"; exit 77; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/pmtr-completions.XXXXXX")
terminal=
tidy_up() {
  [ -z "$terminal" ] || quit
  rm -rf "$dir"
}
# Ends the terminal and waits for its shell, which may have its history to write.
quit() {
  tmux -S "$dir/tmux" kill-server 2>/dev/null || true
  tries=250
  while kill -0 "$terminal" 2>/dev/null && [ "$tries" -gt 0 ]; do
    tries=$((tries - 1))
    sleep 0.02
  done
  terminal=
}
trap tidy_up EXIT
trap 'exit 1' HUP INT TERM

# The completions read a file of ours instead of the one that this machine may have.
mkdir -p "$dir/home" "$dir/bin" "$dir/user/completions" "$dir/files/folder" "$dir/fish"
for file in completions/*; do sed "s|/etc/pmtr\.conf\$|$dir/pmtr.conf|" "$file" >"$dir/${file##*/}"; done
: >"$dir/files/new.conf"
: >"$dir/files/odd & name"
: >"$dir/files/folder/in side"
cat >"$dir/pmtr.conf" <<'END'
# name comment
job {
  name web
  cmd /bin/web \
  name joined
}
job {
	name	mail   # and a comment \
  cmd /bin/name nobody
}
  job {
  name "quo\"te"
  name co:lon
  name at@home
  name do$lar'`x;&
  name back\slash
  name -dash
  naming no
}
END
printf 'job {\r\n  name crlf\r\n}\r\n' >>"$dir/pmtr.conf"

# What each line offers at its end, and behind / what it must not offer. `none` stands for nothing at all.
cat >"$dir/table" <<'END'
pmtr -> -F -t -v -c -p --check --print --state --last-good -h --help --version / new.conf
pmtr --> --check --print --state --last-good --help --version / -F -c
pmtr --ch> --check / --state
pmtr -c > new.conf folder / --check -F
pmtr -p n> new.conf / folder
pmtr -Fvtc n> new.conf / folder
pmtr -tcn> -tcnew.conf / -tcfolder
pmtr -c new.conf --v> --version / --check
pmtr --state > folder / new.conf --check
pmtr --state=> folder / new.conf
pmtr --state=fo> folder / new.conf
pmtr --last-good n> new.conf / folder
pmtr -h -> none
pmtr -Fh -> none
pmtr --version > none
pmtr -- -> none
pmtr n> none
pmtr-ctl > enable disable / web -v
pmtr-ctl -> -v -s -p -h --help --version / enable
pmtr-ctl -s > localhost / enable web
pmtr-ctl -p > none
pmtr-ctl -vp 1 e> enable / disable web
pmtr-ctl -p 1 enable > web mail crlf co:lon at@home / enable disable joined comment nobody no -dash
pmtr-ctl enable w> web / mail
pmtr-ctl enable web > mail enable disable / web
pmtr-ctl enable web -v d> disable do$lar'`x;& / mail
pmtr-ctl disable -v > web mail / disable
pmtr-ctl enable web disable m> mail / web
pmtr-ctl -- enable > web -dash / disable
pmtr-ctl --help enable > none
pmtr-rptserver -> -v -a -p -f --json --metrics --stale-after --on-stale --once -h --help --version / -c
pmtr-rptserver -f > new.conf folder / --json
pmtr-rptserver -vf n> new.conf / folder
pmtr-rptserver --json n> new.conf / folder
pmtr-rptserver --json=n> new.conf / folder
pmtr-rptserver --metrics f> folder / new.conf
pmtr-rptserver --on-stale n> new.conf / folder
pmtr-rptserver --stale-after 6> 60s / new.conf
pmtr-rptserver -p > none
pmtr-rptserver --once > none
pmtr-rptserver -a 239.0.0.1@l> lo / new.conf
END
sed 's/>.*//' "$dir/table" >"$dir/lines"

# Fills in what bash would: it breaks words at blanks and at some more letters.
cat >"$dir/ask.bash" <<'END'
source "$1/pmtr.bash"
cd "$1/files"
while IFS= read -r line; do
  COMP_LINE=$line COMP_POINT=${#line} COMP_WORDS=() word=
  for ((i = 0; i < ${#line}; i++)); do
    char=${line:i:1}
    if [[ $char == ' ' ]] || [[ $char == [=:@] && $word && $word != *[=:@] ]] || [[ $char != [=:@] && $word == *[=:@] ]]; then
      [[ $word ]] && COMP_WORDS+=("$word")
      word=
    fi
    [[ $char == ' ' ]] || word+=$char
  done
  COMP_WORDS+=("$word") COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  echo "== $line"
  _pmtr "${COMP_WORDS[0]}" "$word" ''
  # As the shell takes them off again.
  for word in "${COMPREPLY[@]}"; do
    [[ -e $word ]] || eval "word=$word"
    printf '%s\n' "$word"
  done
done <"$1/lines"
END

# In zsh only the line editor can complete: it runs on a terminal of its own, and each match is written down.
cat >"$dir/ask.zsh" <<'END'
zmodload zsh/zpty
zpty editor zsh -f -i
zpty -w editor "source $1/editor.zsh $1"
text=
# A limit for what can hang: the editor writes nothing more.
while zpty -r editor part '*ready-to-ask*'; do text+=$part; [[ $part == *ready-to-ask* ]] && break; done
zpty -w -n editor $'\C-t'
while zpty -r editor part '*all-asked*'; do [[ $part == *all-asked* ]] && break; done
zpty -d editor
END
cat >"$dir/editor.zsh" <<'END'
dir=$1
fpath=($dir $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
  local -a hits before
  [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
  builtin compadd -O hits "$@"
  zparseopts -E -a before P: p:
  [[ -n $hits ]] && print -rl -- ${^hits/#/${(Q)IPREFIX}${before[2]}} >>$dir/said.zsh
  builtin compadd "$@"
}
complete-here() { _main_complete; compstate[insert]= compstate[list]= }
zle -C complete-here complete-word complete-here
ask() {
  local line
  cd $dir/files
  for line in ${(f)"$(<$dir/lines)"}; do
    print -r -- "== $line" >>$dir/said.zsh
    BUFFER=$line CURSOR=$#line
    zle complete-here 2>>$dir/said.zsh
  done
  BUFFER= 
  print all-asked
}
zle -N ask
bindkey '^T' ask
print ready-to''-ask
END

cat >"$dir/ask.fish" <<'END'
set dir $argv[1]
for file in $dir/*.fish
    string match -q '*/ask.fish' $file; or source $file
end
cd $dir/files
while read -l line
    echo "== $line"
    complete -C $line | string replace -r '\t.*' ''
end <$dir/lines
true
END

export HOME="$dir/home" XDG_CONFIG_HOME="$dir/home" XDG_DATA_HOME="$dir/home" LC_ALL=C.UTF-8 TERM=xterm
# Has each shell say what it offers for the lines.
ask_all() {
  for shell in $shells; do
    : >"$dir/said.$shell"
    case $shell in
      bash) timeout 60 bash --norc --noprofile "$dir/ask.bash" "$dir" >"$dir/said.bash" 2>&1 ;;
      zsh) timeout 60 zsh -f "$dir/ask.zsh" "$dir" >"$dir/zsh.out" 2>&1 ;;
      fish) timeout 60 fish --no-config "$dir/ask.fish" "$dir" >"$dir/said.fish" 2>&1 ;;
    esac || fail "$shell could not be asked: $(cat "$dir/said.$shell")"
  done
}

# What the shell $1 offers at the end of the line $2, one a line, without what stands before it in the same word.
offers() {
  line=$2 awk '/^== / { mine = ($0 == "== " ENVIRON["line"]); next } mine' "$dir/said.$1" |
    sed -e 's|/$||' -e 's/^--[a-z-]*=//' -e 's/^239\.0\.0\.1@//'
}

ask_all
set -f
for shell in $shells; do
  count=0
  while IFS= read -r row; do
    line=${row%%>*} expected=${row#*>} offered=$(offers "$shell" "${row%%>*}")
    # fish completes no argument within letters that are joined.
    [ "$shell$line" != "fishpmtr -tcn" ] || continue
    told="$shell offers for '$line': $(echo "$offered" | tr '\n' ' ')"
    count=$((count + 1))
    if [ "$expected" = " none" ]; then
      [ -z "$offered" ] || fail "$told"
      continue
    fi
    for word in ${expected%% / *}; do
      printf '%s\n' "$offered" | grep -Fqx -e "$word" || fail "$told, and not $word"
    done
    case $expected in *" / "*) ;; *) continue ;; esac
    for word in ${expected#* / }; do
      ! printf '%s\n' "$offered" | grep -Fqx -e "$word" || fail "$told, and so $word"
    done
  done <"$dir/table"
  step "$shell: $count command lines: ok"
done
set +f

# A file that is none, or not there, is neither waited for nor complained of.
mv "$dir/pmtr.conf" "$dir/kept.conf"
echo 'pmtr-ctl enable ' >"$dir/lines"
for kind in missing pipe folder; do
  case $kind in
    pipe) mkfifo "$dir/pmtr.conf" ;;
    folder) rm "$dir/pmtr.conf" && mkdir "$dir/pmtr.conf" ;;
  esac
  ask_all
  for shell in $shells; do
    said=$(cat "$dir/said.$shell")
    [ "$said" = "== pmtr-ctl enable " ] || fail "$shell says of a file that is a $kind: $said"
  done
done
rmdir "$dir/pmtr.conf"
mv "$dir/kept.conf" "$dir/pmtr.conf"
step "a configuration that is no file:$shells: ok"

# bash-completion loads the file under the name of the program that is met first, and it serves all three.
loader=/usr/share/bash-completion/bash_completion
cp "$dir/pmtr.bash" "$dir/user/completions/pmtr"
for name in pmtr-ctl pmtr-rptserver; do ln -s pmtr "$dir/user/completions/$name"; done
if [ -r "$loader" ] && command -v bash >/dev/null 2>&1; then
  for name in pmtr pmtr-ctl pmtr-rptserver; do
    # shellcheck disable=SC2016
    BASH_COMPLETION_USER_DIR="$dir/user" bash --norc --noprofile -c '
      source "$1"
      if declare -F _comp_load >/dev/null; then _comp_load "$2"; else _completion_loader "$2"; fi
      complete -p pmtr pmtr-ctl pmtr-rptserver' bash "$loader" "$name" >"$dir/loaded" 2>&1 ||
      [ $? -eq 124 ] || fail "bash-completion does not load $name: $(cat "$dir/loaded")"
    [ "$(grep -c -- '-F _pmtr ' "$dir/loaded")" -eq 3 ] || fail "loading $name gave: $(cat "$dir/loaded")"
  done
  step "bash-completion: loads each of the three names: ok"
else
  step "skipped: bash-completion is not installed"
fi

command -v tmux >/dev/null 2>&1 || { step "skipped: a real terminal: tmux is not installed"; exit 0; }

# In the terminal stand programs that only tell what arguments they got.
cat >"$dir/bin/pmtr" <<END
#!/bin/sh
printf '%s\n' "\$@" >"$dir/got.new"
mv "$dir/got.new" "$dir/got"
END
chmod +x "$dir/bin/pmtr"
for name in pmtr-ctl pmtr-rptserver; do ln -s pmtr "$dir/bin/$name"; done
export PATH="$dir/bin:$PATH" INPUTRC=/dev/null PS1='ready> '
printf 'source %s\nPS1="ready> "\n' "$dir/pmtr.bash" >"$dir/plain.rc"
printf 'source %s\nPS1="ready> "\n' "$loader" >"$dir/loader.rc"
# shellcheck disable=SC2016
printf 'fpath=(%s $fpath)\nautoload -Uz compinit\ncompinit -u -D\nPS1="ready> "\n' "$dir" >"$dir/home/.zshrc"
# Where the second folder is missing, fish goes through all manual pages in the background.
mkdir -p "$dir/home/fish/completions" "$dir/home/fish/generated_completions"
cp "$dir"/pmtr*.fish "$dir/home/fish/completions"
cat >"$dir/home/fish/config.fish" <<'END'
set fish_greeting
set fish_autosuggestion_enabled 0
function fish_prompt; echo -n 'ready> '; end
END

terminal() { tmux -S "$dir/tmux" "$@"; }

# Waits until the screen, or a file, is as the command says; 20 seconds are the most.
await() {
  tries=1000
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "$shell: waited in vain for: $*: $(terminal capture-pane -p)"
    sleep 0.02
  done
}
shows() { terminal capture-pane -p | grep -Fq -e "$1"; }
changed() { [ "$(terminal capture-pane -p)" != "$1" ]; }

# Types the line $1 and a Tab, and then the rest $2: what the program gets is the words $3, one a line.
press() {
  rm -f "$dir/got"
  terminal send-keys C-l
  terminal send-keys -l "$1"
  await shows "ready> $1"
  before=$(terminal capture-pane -p)
  terminal send-keys Tab
  await changed "$before"
  terminal send-keys -l "$2"
  terminal send-keys Enter
  await test -e "$dir/got"
  got=$(sed 's|/$||' "$dir/got")
  [ "$got" = "$3" ] || fail "$shell: $1 and a Tab gave: $got"
}

# One word a line.
lines() { printf '%s\n' "$@"; }

# Typed as it stands and seen by nobody but the program, so nothing here is to be expanded.
# shellcheck disable=SC2016
press_all() {
  press 'pmtr-rptserver --ver' "" "--version"
  press 'pmtr --che' "" "--check"
  press 'pmtr -tc ne' "" "$(lines -tc new.conf)"
  press 'pmtr -c od' "" "$(lines -c 'odd & name')"
  press 'pmtr -p folder/i' "" "$(lines -p 'folder/in side')"
  press 'pmtr --state fol' "" "$(lines --state folder)"
  press 'pmtr --state=fol' "" "--state=folder"
  press 'pmtr-ctl dis' "web" "$(lines disable web)"
  press 'pmtr-ctl enable w' "" "$(lines enable web)"
  press 'pmtr-ctl enable co:' "" "$(lines enable co:lon)"
  press 'pmtr-ctl enable do' "" "$(lines enable 'do$lar'\''`x;&')"
  press 'pmtr-ctl enable "quo' "" "$(lines enable 'quo"te')"
  press 'pmtr-rptserver --json=n' "" "--json=new.conf"
}

case $shells in *bash*) shells="$shells loader" ;; esac
for shell in $shells; do
  case $shell in
    bash) command="bash --noprofile --rcfile $dir/plain.rc -i" ;;
    zsh) command="env ZDOTDIR=$dir/home zsh -d -i" ;;
    fish) command="fish -i" ;;
    loader)
      [ -r "$loader" ] || continue
      command="env BASH_COMPLETION_USER_DIR=$dir/user bash --noprofile --rcfile $dir/loader.rc -i"
      ;;
  esac
  terminal -f /dev/null new-session -d -x 150 -y 30 -c "$dir/files" "$command"
  terminal=$(terminal display-message -p '#{pane_pid}')
  await shows 'ready>'
  press_all
  quit
  step "$shell: keys pressed in a terminal: ok"
done
