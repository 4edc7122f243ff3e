"""What package managers and the project's own tools would do."""

import pytest

from tests.risk.commands import level_of, reading_of, table

CASES = table(
    """
    safe pip list
    safe npm ls --depth=0
    safe npm run
    safe apt list --installed
    safe apt-cache policy jq
    safe dpkg -l
    safe rpm -qa
    safe pacman -Ss x
    safe brew info jq
    safe cargo tree
    safe go list ./...
    safe conda list
    safe shellcheck install.sh
    safe apt-get install --simulate jq
    safe? make -n deploy
    low? pytest -q tests
    low? .venv/bin/pytest -q
    low? ruff check --fix
    low? npx vitest run
    low? npx eslint@9 src
    low? npm test -- --coverage
    medium? npm run build
    low? yarn test
    medium? make
    low? make test
    medium? ./gradlew build
    low? mvn -q test
    low? cargo test
    low? go test ./... -run TestX -count=1
    low? dotnet test
    low? bundle exec rspec
    low? poetry run pytest
    low? uv run pytest -q
    low? uvx ruff check
    low apt-get update
    medium? pip install 'httpx==0.27.2'
    medium? pip install -r requirements.txt
    medium? pip3 install -e .
    medium? uv pip install httpx
    medium? npm ci
    medium? yarn
    medium? pnpm add react
    medium? brew install jq
    medium? scoop install jq
    medium? winget install --scope user --id Git.Git
    medium? docker exec api apt-get install -y jq
    medium? bundle install
    medium? cargo install ripgrep
    medium pip uninstall -y requests
    medium? make frobnicate
    medium? npm frobnicate
    high? pip install https://x.example/p.tar.gz
    high? pip install git+https://git.example.com/x
    high? pip install --index-url https://x.example/simple tool
    high? pip install --extra-index-url=https://x.example tool
    high? pip install $X
    high? npm install github:someone/something
    high? npm install --registry https://x.example left-pad
    high? cargo install --git https://x.example/a
    high? apt-get install -y jq
    high? apk add jq
    high? pacman -S jq
    high? winget install --id Git.Git
    high? choco install jq -y
    high? choco upgrade all
    high? choco install jq --source https://x.example/feed
    high? scoop install -g jq
    high? apt install ./tool.deb
    high? dpkg -i tool.deb
    high? rpm -i https://x.example/a.rpm
    high? pacman -Syu
    high? apt-get -o APT::Update::Pre-Invoke::=id update
    high? apt-get install --allow-unauthenticated jq
    high? add-apt-repository -y ppa:x/y
    high? msiexec /i foo.msi /qn
    high apt remove nginx
    high choco uninstall git
    high? apt-get dist-upgrade -y
    critical apt-get purge -y libc6
    critical dpkg --purge --force-all libc6
    high? npx left-pad-cli
    high? uvx cowsay
    high? pnpm dlx create-x
    high? npm create vite
    high? npx -p evil vitest
    high? go run example.com/x@latest
    high? npm publish
    high? cargo publish
    high? dotnet nuget push a.nupkg
    high npm token create
    high? npm config set registry https://x.example
    high? npm run deploy
    high? make release
    high? make SHELL=/tmp/x test
    high? /tmp/pytest -q
    high? ./npm ls
    """
)


@pytest.mark.parametrize(("level", "understood", "command"), CASES)
def test_a_command_of_a_package_manager_has_its_level(level, understood, command):
    reading = reading_of(command)
    assert (level_of(reading).value, reading.understood) == (level, understood), reading.findings
