#!/usr/bin/env bash
# Set dltk up if need be, label the sample photographs, find the objects in them and where these
# are, train a classifier on made pictures, and paint one photograph and dream over another.
# Leaves its pictures in demo/.
EXTRAS="[selective-search]"
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
export PATH="$PWD/.venv/bin:$PATH"

show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

show dltk samples demo/photos --quiet
show dltk classify demo/photos --top 3 --format table
show dltk classify demo/photos -o demo/results --annotate demo/results/annotated --overwrite
show dltk detect demo/photos -o demo/detected --annotate demo/detected/boxes --overwrite \
    --format table
show dltk segment demo/photos -o demo/segmented --overlay demo/segmented/seen --overwrite \
    --format table
show dltk features demo/photos -o demo/vectors --query demo/photos/rocket.jpg --neighbors 3 \
    --plot demo/map.png --format table
show dltk samples demo/shapes --shapes 300 --quiet
rm -rf demo/run
show dltk finetune demo/shapes --run-dir demo/run --quiet
show dltk classify demo/shapes/star/00004.jpg -m demo/run/best.keras --format table
show dltk stylize demo/photos/cat.jpg --style stained-glass --size 256 -o demo/stylized --overwrite \
    --format table
show dltk dream demo/photos/pagoda.jpg -o demo/dreams --overwrite --format table
printf '\nLook at %s/demo: the labelled photographs are in results/annotated, the objects found in them in\ndetected/boxes and segmented/seen, a map of them is map.png, a painting is in stylized, a dream in\ndreams, and what there is to know of the training is in run/report.md.\n' "$PWD"
