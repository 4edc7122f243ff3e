"""What Python's functions do, by qualified name."""

from __future__ import annotations

from app.risk.rules import word_set

PURE = word_set(
    "abc argparse array ast bisect builtins calendar cmath collections colorsys configparser contextlib "
    "contextvars copy csv dataclasses datetime decimal difflib dis doctest email enum errno fnmatch fractions "
    "functools gc getopt gettext glob graphlib hashlib heapq hmac html inspect io ipaddress itertools json "
    "keyword linecache locale logging math mimetypes numbers operator optparse os os.path pathlib platform pprint "
    "queue random re reprlib sched secrets selectors shlex shutil signal stat statistics string stringprep struct "
    "subprocess sys sysconfig tempfile textwrap threading time timeit token tokenize tomllib traceback types "
    "typing unicodedata unittest urllib urllib.parse uuid warnings weakref xml zlib zoneinfo base64 binascii "
    "codecs bz2 gzip lzma zipfile tarfile sqlite3 socket ssl http urllib.request urllib.error asyncio concurrent "
    "multiprocessing importlib pkgutil runpy pickle marshal shelve dbm ctypes pty smtplib imaplib poplib ftplib "
    "telnetlib xmlrpc webbrowser code codeop tty termios pwd grp resource fcntl mmap select atexit site venv "
    "ensurepip turtle curses readline cmd getpass netrc plistlib filecmp fileinput posixpath ntpath genericpath "
    "__future__ _thread posix nt winreg msvcrt _winapi cProfile pstats tracemalloc symtable zipapp zipimport "
    "stringprep pickletools wave imghdr sndhdr tkinter typing_extensions"
)
"""The standard library: importing these runs no code of the project."""

KNOWN_PACKAGES = word_set(
    "numpy pandas polars scipy sklearn matplotlib seaborn plotly altair statsmodels networkx sympy PIL cv2 "
    "skimage requests httpx aiohttp urllib3 websocket websockets bs4 lxml html5lib parsel scrapy feedparser yaml "
    "toml tomli tomlkit orjson ujson simplejson msgpack jsonschema pydantic attr attrs marshmallow jinja2 mako "
    "markdown click typer rich tqdm tabulate colorama termcolor loguru structlog dateutil pytz arrow pendulum "
    "humanize regex chardet charset_normalizer unidecode faker sqlalchemy psycopg psycopg2 asyncpg pymysql "
    "MySQLdb mysql mariadb pyodbc pymssql cx_Oracle oracledb duckdb clickhouse_driver clickhouse_connect "
    "snowflake redis pymongo motor bson elasticsearch opensearchpy neo4j cassandra boto3 botocore azure google "
    "googleapiclient kubernetes docker paramiko fabric invoke ansible hvac consul github gitlab git jira "
    "slack_sdk slack_bolt telegram discord twilio sendgrid stripe paypalrestsdk openai anthropic langchain "
    "langgraph transformers torch tensorflow keras datasets tokenizers huggingface_hub joblib dill cloudpickle "
    "dask pyspark ray openpyxl xlrd xlsxwriter docx pptx PyPDF2 pypdf pdfplumber reportlab fitz psutil watchdog "
    "pexpect sh plumbum django flask fastapi starlette uvicorn gunicorn werkzeug celery kombu pika kafka "
    "confluent_kafka paho zmq grpc pytest hypothesis mock freezegun responses respx factory nose tox cryptography "
    "Crypto nacl jwt passlib bcrypt dns netaddr scapy nmap ldap3 winrm pywinauto win32api win32con win32com "
    "pyautogui pynput selenium playwright more_itertools toolz cytoolz sortedcontainers cachetools tenacity "
    "backoff ratelimit dotenv environ decouple pyarrow fastparquet h5py netCDF4 xarray geopandas shapely fiona "
    "rasterio pyproj nltk spacy gensim textblob wordcloud geopy folium IPython ipywidgets nbformat nbconvert "
    "setuptools pip wheel packaging alembic peewee tortoise mongoengine pynamodb flask_sqlalchemy flask_login "
    "graphene strawberry pandera great_expectations prefect airflow luigi dagster mlflow wandb optuna lightgbm "
    "xgboost catboost prophet gradio streamlit dash bokeh emoji phonenumbers validators email_validator pycountry "
    "babel num2words deepdiff dictdiffer jmespath jsonpath_ng xmltodict pyperclip filelock portalocker appdirs "
    "minio swiftclient b2sdk oss2 firebase_admin influxdb_client qdrant_client chromadb pinecone weaviate pymilvus "
    "meilisearch algoliasearch typesense winrm netmiko "
    "platformdirs six send2trash browser_cookie3 browsercookie pycookiecheat win32crypt secretstorage openpyxl spwd "
    "socketserver psycopg_pool elasticsearch_dsl opensearch_dsl redis_om valkey aioredis aioboto3 aiobotocore moto "
    "hcloud pydo linode_api4 stripe braintree square razorpay ccxt web3 tweepy telebot yagmail exchangelib asyncssh "
    "pysftp ansible_runner crontab apscheduler schedule sentence_transformers diffusers peft keyring ldap etcd3 kazoo "
    "aiokafka aio_pika nats pulsar motor beanie sqlmodel dataset pony gradio torchvision torchaudio jax flax faiss "
    "fpdf qrcode bleach html2text markdownify slugify pyotp oauthlib requests_oauthlib cloudscraper requests_html "
    "httpcore h11 anyio trio aiofiles orjson docker_py testcontainers localstack nacl itsdangerous waitress hypercorn "
    "openstack digitalocean libcloud oci cloudflare CloudFlare pyVmomi msgraph O365 plaid quickbooks vonage "
    "nio apprise "
    "mailchimp_marketing podman kubernetes_asyncio openshift kr8s elasticsearch7 elasticsearch8 py2neo neomodel arango "
    "databricks prometheus_client pygame fakeredis mongomock requests_mock aioresponses vcr pyfakefs time_machine "
    "sentry_sdk opentelemetry rapidfuzz Levenshtein graphviz pydot numba soundfile librosa pydub imageio httpretty "
    "proxmoxer libvirt pyVim openstack wmi win32serviceutil win32service win32net win32security win32ts win32evtlog "
    "win32evtlogutil win32cred win32file win32process pythoncom pywintypes win32gui win32clipboard comtypes rpyc Pyro4 "
    "Pyro5 zerorpc debugpy ncclient jnpr panos routeros_api librouteros meraki pyeapi napalm scrapli netmiko pysnmp "
    "pymodbus snap7 pycomm3 opcua asyncua can serial RPi gpiozero homeassistant_api kasa phue tinytuya parted esptool "
    "lmdb plyvel tinydb diskcache imap_tools mailbox delta deltalake pyiceberg databricks dropbox simple_salesforce "
    "shopify office365 wandb mlflow influxdb clickhouse_connect sqlalchemy_utils routeros splinter "
    "undetected_chromedriver "
    "smbclient smbprotocol smb scp spur ptyprocess mutagen pydrive2 gspread tableauserverclient docusign_esign "
    "hubspot zenpy pysmb woocommerce magento zeep suds auth0 okta keycloak msal adal workos pagerduty pdpyras datadog "
    "newrelic_api opsgenie_sdk grafana_client grafana_api statuspage tenable jenkins jenkinsapi artifactory nomad "
    "minikube consul etcd boto tweepy facebook_business instagrapi praw mastodon atproto linkedin_api pyzabbix "
    "zabbix_utils "
    "checkmk pynetbox infoblox_client dnsimple godaddypy namecheap ovh transip linode nextcloud owncloud webdav3 "
    "webdav pcloud mega pyicloud plexapi spotipy guacamole truenas_api_client pyzfs libzfs btrfsutil rados rbd cephfs "
    "veeam restic borg_python duplicity salt pyinfra testinfra pywinrm impacket pypsrp requests_ntlm requests_kerberos "
    "sanic tornado bottle falcon pulumi atlassian notion_client asana trello feedgen icalendar vobject"
)
"""Well-known packages: importing them has no effects of interest."""

READS_FILE = word_set(
    "wave.open h5py.File netCDF4.Dataset rasterio.open fiona.open zarr.open "
    "builtins.open io.open codecs.open os.open gzip.open bz2.open lzma.open zipfile.ZipFile tarfile.open "
    "shelve.open pandas.read_csv pandas.read_json pandas.read_excel pandas.read_parquet pandas.read_table "
    "pandas.read_fwf pandas.read_feather pandas.read_xml pandas.read_html polars.read_csv polars.read_parquet "
    "polars.scan_csv numpy.loadtxt numpy.genfromtxt numpy.fromfile linecache.getline "
    "shutil.disk_usage PIL.Image.open cv2.imread openpyxl.load_workbook dotenv.load_dotenv dotenv.dotenv_values "
    "configparser.ConfigParser.read"
)
LISTS = word_set("os.listdir os.scandir os.walk glob.glob glob.iglob os.fwalk")
DELETES = word_set(
    "send2trash.send2trash os.remove os.unlink os.rmdir "
    "pathlib.Path.unlink pathlib.Path.rmdir posix.unlink posix.remove nt.unlink"
)
DELETES_TREE = word_set("shutil.rmtree os.removedirs distutils.dir_util.remove_tree")
MOVES = word_set("os.rename os.replace os.renames shutil.move pathlib.Path.rename pathlib.Path.replace")
COPIES = word_set("shutil.copy shutil.copy2 shutil.copyfile shutil.copytree os.link os.symlink shutil.copyfileobj")
CREATES = word_set("os.mkdir os.makedirs pathlib.Path.mkdir pathlib.Path.touch os.mkfifo os.mknod tempfile.mkdtemp")
EMPTIES = word_set("os.truncate")
RIGHTS = word_set("os.chmod os.chown os.lchown os.lchmod shutil.chown pathlib.Path.chmod os.setxattr")
WRITES_PATH = word_set("pathlib.Path.write_text pathlib.Path.write_bytes")
READS_PATH = word_set("pathlib.Path.read_text pathlib.Path.read_bytes")
SHELL = word_set(
    "os.system os.popen subprocess.getoutput subprocess.getstatusoutput asyncio.create_subprocess_shell "
    "commands.getoutput"
)
RUNS = word_set("subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen")
RUNS_LIST = word_set("asyncio.create_subprocess_exec os.execl os.execlp os.execle os.spawnl os.spawnlp")
RUNS_ARGV = word_set(
    "os.execv os.execvp os.execve os.execvpe os.spawnv os.spawnvp os.posix_spawn os.posix_spawnp pty.spawn"
)
EVALUATES = word_set(
    "builtins.eval builtins.exec builtins.compile code.InteractiveInterpreter.runcode pandas.eval "
    "cProfile.run cProfile.runctx profile.run profile.runctx"
)
TIMES = word_set("timeit.timeit timeit.repeat timeit.Timer")
RUNS_FILE = word_set(
    "runpy.run_path runpy.run_module builtins.execfile imp.load_source importlib.util.spec_from_file_location "
    "importlib.machinery.SourceFileLoader doctest.testfile logging.config.fileConfig readline.read_init_file "
    "site.addsitedir zipimport.zipimporter"
)
LOADS_CODE = word_set(
    "pickle.load pickle.loads pickle.Unpickler cPickle.load cPickle.loads dill.load dill.loads cloudpickle.load "
    "cloudpickle.loads joblib.load marshal.load marshal.loads shelve.open shelve.Shelf pandas.read_pickle "
    "torch.load yaml.unsafe_load yaml.unsafe_load_all yaml.full_load jsonpickle.decode numpy.load types.CodeType "
    "types.FunctionType sklearn.externals.joblib.load keras.models.load_model"
)
"""Run what is in their data."""
ASKS = word_set(
    "aiohttp.get aiohttp.head aiohttp.options aiohttp.ws_connect "
    "requests.get requests.head requests.options httpx.get httpx.head httpx.options httpx.stream "
    "urllib.request.urlopen urllib.request.Request urllib.request.urlretrieve urllib3.request aiohttp.request "
    "http.client.HTTPConnection http.client.HTTPSConnection socket.create_connection websocket.create_connection "
    "websockets.connect xmlrpc.client.ServerProxy smtplib.SMTP smtplib.SMTP_SSL "
    "feedparser.parse socket.gethostbyname socket.gethostbyname_ex socket.getaddrinfo socket.gethostbyaddr "
    "dns.resolver.resolve dns.resolver.query "
    "huggingface_hub.hf_hub_download huggingface_hub.snapshot_download datasets.load_dataset requests.request "
    "httpx.request"
)
SENDS = word_set(
    "aiohttp.post aiohttp.put aiohttp.patch aiohttp.delete "
    "requests.post requests.put requests.patch requests.delete httpx.post httpx.put httpx.patch httpx.delete "
    "smtplib.SMTP.sendmail smtplib.SMTP.send_message"
)
SESSIONS = {
    "requests.Session": "requests", "requests.session": "requests", "httpx.Client": "httpx",
    "httpx.AsyncClient": "httpx", "aiohttp.ClientSession": "aiohttp", "urllib3.PoolManager": "urllib3",
    "requests_oauthlib.OAuth2Session": "requests", "requests_oauthlib.OAuth1Session": "requests",
    "cloudscraper.create_scraper": "requests", "requests_html.HTMLSession": "requests",
    "os.environ": "os.environ",
}  # fmt: skip
NATIVE = ("ctypes.", "cffi.", "_ctypes.", "win32api.", "winreg.", "_winapi.", "msvcrt.")
SECRETS = word_set(
    "getpass.getpass keyring.get_password keyring.get_credential netrc.netrc spwd.getspall spwd.getspnam "
    "browser_cookie3.chrome browser_cookie3.firefox browser_cookie3.load browser_cookie3.edge browsercookie.chrome "
    "browsercookie.firefox browsercookie.load pycookiecheat.chrome_cookies win32crypt.CryptUnprotectData "
    "secretstorage.get_default_collection secretstorage.get_all_items"
)
SERVES = word_set(
    "http.server.HTTPServer http.server.ThreadingHTTPServer socketserver.TCPServer uvicorn.run flask.Flask.run "
    "wsgiref.simple_server.make_server xmlrpc.server.SimpleXMLRPCServer"
)
CONNECTS_DATABASE = {
    "psycopg.connect": "postgres", "psycopg2.connect": "postgres", "asyncpg.connect": "postgres",
    "asyncpg.create_pool": "postgres", "psycopg_pool.ConnectionPool": "postgres", "pymysql.connect": "mysql",
    "MySQLdb.connect": "mysql", "mysql.connector.connect": "mysql", "mariadb.connect": "mysql",
    "sqlite3.connect": "sqlite",
    "pyodbc.connect": "tsql", "pymssql.connect": "tsql", "cx_Oracle.connect": "oracle", "oracledb.connect": "oracle",
    "duckdb.connect": "duckdb", "clickhouse_driver.Client": "clickhouse",
    "sqlalchemy.create_engine": "", "sqlalchemy.orm.Session": "", "snowflake.connector.connect": "snowflake",
}  # fmt: skip
"""Functions that open a database, with the dialect of its SQL."""
READS_SQL = word_set(
    "pandas.read_sql pandas.read_sql_query polars.read_database duckdb.query duckdb.sql duckdb.execute"
)
SQL_METHODS = word_set(
    "execute executemany executescript exec_driver_sql read_sql exec raw mogrify fetch fetchrow fetchval query sql "
    "run_query command run_sql raw_query"
)

HARMLESS_METHODS = word_set(
    # texts, lists, dictionaries, sets
    "append extend insert index count sort reverse copy items keys values get setdefault fromkeys popitem split "
    "rsplit splitlines strip lstrip rstrip lower upper title capitalize casefold swapcase startswith endswith "
    "find rfind replace join format format_map encode decode isdigit isalpha isalnum isspace isupper islower "
    "isnumeric isidentifier partition rpartition zfill ljust rjust center expandtabs translate maketrans "
    "removeprefix removesuffix union intersection difference issubset issuperset symmetric_difference add discard "
    "pop remove clear update most_common elements total popleft appendleft rotate "
    # files, matches, dates, and what else reads
    "read readline readlines readable seek tell close flush fileno isatty group groups groupdict start end span "
    "match search fullmatch findall finditer sub subn isoformat strftime strptime timestamp date time weekday "
    "isoweekday total_seconds astimezone utcoffset now today hexdigest digest json text status_code "
    "raise_for_status headers iter_content iter_lines fetchall fetchone fetchmany cursor writer writerow "
    "writerows writeheader reader exists is_file is_dir stat resolve absolute relative_to with_suffix with_name "
    "as_posix iterdir glob rglob joinpath expanduser is_absolute samefile parse_args add_argument "
    "parse_known_args add_parser add_subparsers set_defaults print_help info debug warning error exception "
    "critical log setLevel addHandler getLogger setFormatter getvalue getbuffer bit_length as_integer_ratio "
    "conjugate is_integer to_bytes from_bytes hex wait join start acquire release set is_set put task_done qsize "
    "empty full submit map result done shutdown as_completed gather create_task run_until_complete namelist "
    "infolist getnames getmembers communicate poll assert_called assert_called_once "
    "assert_called_with assert_called_once_with assert_any_call assert_has_calls assert_not_called assert_awaited "
    "assert_awaited_once assert_awaited_once_with reset_mock assertEqual assertTrue assertFalse assertRaises "
    "assertIn mean "
    "sum min max std var median first last all filter exclude order_by values_list annotate aggregate "
    "select_related prefetch_related distinct scalar scalars one one_or_none first_or_404 mappings fetch_all "
    "limit offset where join_from group_by having options render send_file to_dict to_list tolist dict model_dump "
    "model_dump_json model_validate description rowcount close_all keys nbytes throw __init__ __enter__ __exit__ "
    "__len__ __str__ __repr__ "
)
"""Methods that change nothing outside the process, whatever they are called on."""
STREAM_WRITES = word_set("write writelines dump")
"""Methods that write into what has been opened before, which says how bad that is."""

SAVES = word_set(
    "to_csv to_json to_excel to_parquet to_html to_markdown to_feather to_xml to_pickle savefig save write_csv "
    "write_parquet write_json write_html imwrite savetxt tofile write_image save_pretrained dump_to"
)
"""Methods that write to the file that is their first argument."""
