# Completion for pmtr, pmtr-ctl and pmtr-rptserver in bash 4.1 or later. It needs nothing else: source it, or
# put it where bash-completion looks, under the names of all three. It runs no program.
# shellcheck shell=bash

# Every option of a program, and behind a colon what its argument is.
_pmtr_options() {
  case $1 in
    pmtr)
      REPLY='-F -t -v -c:file -p:file --check --strict --print --state:directory --last-good:file -h --help --version'
      ;;
    pmtr-ctl)
      REPLY='-v -s:host -p:number -h --help --version'
      ;;
    pmtr-rptserver)
      REPLY='-v -a:address -p:number -f:file --json:file --metrics:file --stale-after:time --on-stale:file
        --once:number -h --help --version'
      ;;
    *)
      REPLY=
      ;;
  esac
}

# What the argument of the option $1 is; fails when there is no such option.
_pmtr_takes() {
  local option
  for option in $options; do
    if [[ ${option%%:*} == "$1" ]]; then
      REPLY=
      [[ $option == *:* ]] && REPLY=${option#*:}
      return 0
    fi
  done
  REPLY=
  return 1
}

# The word $1 without its quotes, of which the last may still be open. Nothing is expanded.
_pmtr_dequote() {
  local word=$1 quote='' char
  local -i i
  REPLY=
  for ((i = 0; i < ${#word}; i++)); do
    char=${word:i:1}
    case $quote$char in
      \' | \") quote=$char ;;
      "''" | '""') quote= ;;
      \\ | \"\\)
        i+=1
        [[ $quote && ${word:i:1} != [\"\\\$\`] ]] && REPLY+=$char
        REPLY+=${word:i:1}
        ;;
      *) REPLY+=$char ;;
    esac
  done
}

# The words before the cursor, in `words`, as pmtr would get them, the one under the cursor, in `cur`, as it was
# typed, and in `glued` the part of it that readline leaves alone: bash also breaks words at = : and @.
_pmtr_words() {
  local rest=${COMP_LINE-} word blank
  local -i i
  rest=${rest:0:${COMP_POINT:-${#rest}}}
  words=() cur='' glued=''
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]-}
    blank=${rest%%[![:space:]]*}
    rest=${rest#"$blank"}
    # What stands behind the cursor does not count.
    ((i == COMP_CWORD)) && [[ ${COMP_LINE-} ]] && word=$rest
    rest=${rest#"$word"}
    if ((i > 0)) && [[ ! $blank && ($word == [=:@]* || $cur == *[=:@]) ]]; then
      glued=$cur
      [[ $word == *[!=:@]* ]] || glued+=$word
      cur+=$word
    else
      ((i > 0)) && words+=("$cur")
      cur=$word glued=''
    fi
  done
  for ((i = 0; i < ${#words[@]}; i++)); do
    _pmtr_dequote "${words[i]}"
    words[i]=$REPLY
  done
}

# The names of the jobs, as far as one may read them, in `names`.
_pmtr_jobs() {
  local line joined='' name
  local file=/etc/pmtr.conf
  local plain='^[[:blank:]]*name[[:blank:]]+([^[:blank:]"#][^[:blank:]]*)'
  local quoted='^[[:blank:]]*name[[:blank:]]+"(([^"\]|\\.)+)"'
  local comment='(^|[[:blank:]])#'
  local -a lines
  names=()
  # Only what is a file can be read without waiting.
  [[ -f $file && -r $file ]] || return 0
  { mapfile -t -n 100000 lines <"$file"; } 2>/dev/null
  for line in "${lines[@]}"; do
    line=${line%$'\r'}
    # Most lines are none of those that are looked at more closely, which takes its time.
    if [[ $joined || $line != *name* ]]; then
      :
    elif [[ $line =~ $plain ]]; then
      names+=("${BASH_REMATCH[1]}")
    elif [[ $line =~ $quoted ]]; then
      name=${BASH_REMATCH[1]//\\\"/\"}
      names+=("${name//\\\\/\\}")
    fi
    joined=
    [[ $line == *\\ && ! $line =~ $comment ]] && joined=yes
  done
  return 0
}

# Offers those of the words $2... that go on with what was typed; $1 stands before them in the same word.
_pmtr_offer() {
  local before=$1 word typed left
  shift
  _pmtr_dequote "$glued"
  left=$REPLY
  _pmtr_dequote "$cur"
  typed=$REPLY
  for word; do
    word=$before$word
    [[ $word == "$typed"* ]] || continue
    word=${word#"$left"}
    case $cur in
      # readline closes what is open, but leaves what is special in it to us.
      \'*) word=${word//\'/"'\\''"} ;;
      \"*)
        word=${word//\\/\\\\}
        word=${word//\"/\\\"}
        word=${word//\$/\\\$}
        word=${word//\`/\\\`}
        ;;
      *) printf -v word %q "$word" ;;
    esac
    COMPREPLY+=("$word")
  done
}

# Offers files, or directories when $1 is -d; $2 stands before them in the same word.
_pmtr_files() {
  local before=$2 value=${cur#"$2"} found=() file left
  [[ $value == [\'\"]* ]] && value=${value:1}
  # It takes what was typed with its backslashes.
  while IFS= read -r file; do
    [[ $file ]] && found+=("$file")
  done <<<"$(compgen "$1" -- "$value" 2>/dev/null)"
  ((${#found[@]})) || return 0
  # readline then quotes them and puts / behind a directory.
  compopt -o filenames 2>/dev/null
  if [[ $before && ${#found[@]} -eq 1 && -d ${found[0]/#\~\//$HOME/} && $glued != "$before" ]]; then
    found[0]+=/
    compopt -o nospace 2>/dev/null
  fi
  _pmtr_dequote "$glued"
  left=$REPLY
  for file in "${found[@]}"; do
    file=$before$file
    COMPREPLY+=("${file#"$left"}")
  done
}

# Offers what the argument of an option can be: $1 says of which kind it is, $2 stands before it in the same word.
_pmtr_argument() {
  local hosts=() links=() link address
  case $1 in
    file) _pmtr_files -f "$2" ;;
    directory) _pmtr_files -d "$2" ;;
    time) _pmtr_offer "$2" 30s 60s 5m 1h 1d ;;
    host)
      while IFS= read -r link; do hosts+=("$link"); done <<<"$(compgen -A hostname 2>/dev/null)"
      _pmtr_offer "$2" localhost "${hosts[@]}"
      ;;
    address)
      address=${cur#"$2"}
      [[ $address == *@* ]] || return 0
      for link in /sys/class/net/*; do [[ -e $link ]] && links+=("${link##*/}"); done
      _pmtr_offer "$2${address%%@*}@" "${links[@]}"
      ;;
  esac
}

# What to complete is told by the words before: an argument that is awaited, an option, or an operand.
_pmtr() {
  local IFS=$' \t\n' REPLY='' cur glued options program word letters awaited='' ended='' redirected=''
  local -a words names jobs=() operands=() verbs=(enable disable)
  COMPREPLY=()
  _pmtr_words
  program=${words[0]-}
  program=${program##*/}
  _pmtr_options "$program"
  options=$REPLY
  for word in "${words[@]:1}"; do
    if [[ $redirected ]]; then
      redirected=
    elif [[ $word == *[\<\>]* && $word != *[!0-9\<\>\&\|]* ]]; then
      redirected=yes
    elif [[ $awaited ]]; then
      awaited=
    elif [[ $ended || $word != -?* ]]; then
      operands+=("$word")
    elif [[ $word == -- ]]; then
      ended=yes
    elif [[ $word == --* ]]; then
      # What comes behind these is never looked at.
      [[ $word == --help || $word == --version ]] && return 0
      _pmtr_takes "${word%%=*}"
      [[ $word == *=* ]] || awaited=$REPLY
    else
      for ((letters = 1; letters < ${#word}; letters++)); do
        [[ ${word:letters:1} == h ]] && return 0
        _pmtr_takes "-${word:letters:1}"
        [[ $REPLY ]] || continue
        ((letters + 1 < ${#word})) || awaited=$REPLY
        break
      done
    fi
  done

  if [[ $redirected ]]; then
    _pmtr_files -f ''
  elif [[ $awaited ]]; then
    _pmtr_argument "$awaited" ''
  elif [[ ! $ended && $cur == --*=* ]]; then
    _pmtr_takes "${cur%%=*}" && _pmtr_argument "$REPLY" "${cur%%=*}="
  elif [[ ! $ended && $cur == -[!-]?* ]]; then
    for ((letters = 1; letters < ${#cur}; letters++)); do
      _pmtr_takes "-${cur:letters:1}" || return 0
      if [[ $REPLY ]] && ((letters + 1 < ${#cur})); then
        _pmtr_argument "$REPLY" "${cur:0:letters+1}"
        return 0
      fi
    done
    COMPREPLY=("$cur")
  elif [[ ! $ended && $cur == -* ]] || [[ ! $ended && ! $cur && $program != pmtr-ctl ]]; then
    for word in $options; do _pmtr_offer '' "${word%%:*}"; done
  elif [[ $program == pmtr-ctl && ${#operands[@]} -eq 0 ]]; then
    _pmtr_offer '' "${verbs[@]}"
  elif [[ $program == pmtr-ctl ]]; then
    _pmtr_jobs
    # A verb wants a job behind it before the next one.
    [[ " ${verbs[*]} " == *" ${operands[${#operands[@]} - 1]} "* ]] || _pmtr_offer '' "${verbs[@]}"
    for word in "${names[@]}"; do
      # It would be read as an option.
      [[ $word == -* && ! $ended ]] && continue
      for letters in "${operands[@]}"; do [[ $letters == "$word" ]] && continue 2; done
      jobs+=("$word")
    done
    _pmtr_offer '' "${jobs[@]}"
  fi
  return 0
}

complete -F _pmtr pmtr pmtr-ctl pmtr-rptserver
