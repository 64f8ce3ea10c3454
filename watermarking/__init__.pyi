from .errors import AlreadyMarkedError as AlreadyMarkedError
from .errors import CapacityError as CapacityError
from .errors import FileAccessError as FileAccessError
from .errors import FileFormatError as FileFormatError
from .errors import KeyFileError as KeyFileError
from .errors import MissingExtraError as MissingExtraError
from .errors import UnknownAttackError as UnknownAttackError
from .errors import UnknownSchemeError as UnknownSchemeError
from .errors import UnsupportedImageError as UnsupportedImageError
from .errors import VerificationError as VerificationError
from .errors import WatermarkError as WatermarkError
from .errors import WeightsError as WeightsError
from .interface import Detection as Detection
from .interface import Embedder as Embedder
from .interface import Extraction as Extraction
from .interface import Extractor as Extractor
from .interface import Scheme as Scheme
from .keys import Key as Key
from .messages.marker import Marker as Marker
from .messages.marker import Reading as Reading
from .messages.marker import Receipt as Receipt
from .messages.marker import detect_any as detect_any
from .messages.marker import extract_any as extract_any
from .registry import get_config as get_config
from .registry import get_scheme as get_scheme
from .registry import scheme_ids as scheme_ids

__version__: str
